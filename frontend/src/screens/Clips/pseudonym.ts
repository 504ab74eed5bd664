/** As the server has it (annotation/ingest/uploads.py), so that a wrong one is told before anything is sent. */
const PSEUDONYM = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}_ .-]{0,63}$/u;

/** What is wrong with a subject's pseudonym, or null. Nothing typed yet is not wrong. */
export function pseudonymProblem(text: string): string | null {
  const name = text.normalize("NFKC").trim();
  if (name === "" || PSEUDONYM.test(name)) return null;
  return "Letters, digits, blanks, _ . and - only, beginning with a letter or digit.";
}
