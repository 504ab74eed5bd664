export default function ProjectsScreen() {
  return <p>Projects</p>;
}
