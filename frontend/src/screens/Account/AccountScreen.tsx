export default function AccountScreen() {
  return <p>Account</p>;
}
