export default function ClipScreen() {
  return <p>Clip</p>;
}
