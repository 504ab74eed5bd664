export default function ReviewScreen() {
  return <p>Review</p>;
}
