export default function ProjectOverviewScreen() {
  return <p>ProjectOverview</p>;
}
