export default function ClipsScreen() {
  return <p>Clips</p>;
}
