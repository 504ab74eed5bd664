export default function SettingsScreen() {
  return <p>Settings</p>;
}
