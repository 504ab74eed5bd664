/** A place holder until the screens are in. */
export function App() {
  return <main>Sonoloop</main>;
}
