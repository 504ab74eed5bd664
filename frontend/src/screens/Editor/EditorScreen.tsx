export default function EditorScreen() {
  return <p>Editor</p>;
}
