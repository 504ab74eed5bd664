export default function TrainingScreen() {
  return <p>Training</p>;
}
