export default function JobsScreen() {
  return <p>Jobs</p>;
}
