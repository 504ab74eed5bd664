/** The labels of a project as their colours. */
export function Swatches({
  labels,
  size = 10,
}: {
  labels: { name: string; color: string }[];
  size?: number;
}) {
  return (
    <span style={{ display: "inline-flex", flexWrap: "wrap", gap: 4, verticalAlign: "middle" }}>
      {labels.map((label) => (
        <span
          key={label.name}
          title={label.name}
          style={{ width: size, height: size, borderRadius: 2, background: label.color }}
        />
      ))}
    </span>
  );
}
