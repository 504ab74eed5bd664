export default function DatasetsScreen() {
  return <p>Datasets</p>;
}
