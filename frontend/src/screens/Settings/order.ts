/** The list with the item at `from` standing at `to`. */
export function moved<T>(items: readonly T[], from: number, to: number): T[] {
  const rest = [...items];
  const [item] = rest.splice(from, 1);
  if (item === undefined) throw new RangeError(`no item at ${from} of ${items.length}`);
  rest.splice(to, 0, item);
  return rest;
}
