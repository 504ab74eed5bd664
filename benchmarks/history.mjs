// What undo steps weigh: the engine alone, in a Node of its own, with a mask of twelve labels and five hundred strokes.
// `node benchmarks/history.mjs 5 50 200` prints, as JSON, what brushes of these sizes came to.

const FRONTEND = new URL("../frontend/", import.meta.url);
const STEPS = 500;
const MOVES = 16;

/** The engine as one module: it knows no DOM until it is given one. */
async function engine() {
  const { build } = await import(new URL("node_modules/vite/dist/node/index.js", FRONTEND));
  const [{ output }] = await build({
    configFile: false,
    root: FRONTEND.pathname,
    logLevel: "error",
    build: {
      write: false,
      lib: { entry: "src/editor/index.ts", formats: ["es"] },
      rollupOptions: { output: { codeSplitting: false } },
    },
  });
  return import(`data:text/javascript;base64,${Buffer.from(output[0].code).toString("base64")}`);
}

/** The same places in every run. */
function numbers() {
  let seed = 1;
  return () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
}

/** Wavy layers of every label. */
function layers(map, labels) {
  for (let y = 0; y < map.height; y += 1)
    for (let x = 0; x < map.width; x += 1) {
      const at = ((y + (map.height / 60) * Math.sin((9 * x) / map.width)) / map.height) * labels.length;
      if (at - Math.floor(at) < 0.4) map.data[y * map.width + x] = labels[Math.floor(at)]?.index ?? 0;
    }
}

function measure({ Editor, MaskDocument, Labelmap, NO_MODIFIERS }, [width, height], size, threshold) {
  const random = numbers();
  const labels = Array.from({ length: 12 }, (_, i) => ({ index: i + 1, name: `label ${i + 1}`, color: "#e69f00" }));
  const map = new Labelmap(width, height);
  layers(map, labels);
  const document = new MaskDocument(map);
  const greys = Uint8Array.from({ length: width * height }, () => 256 * random());
  const editor = new Editor({ labels });
  editor.open({ id: "1", picture: { width, height, greys, close() {} }, document });
  editor.setViewport({ width, height });
  editor.setBrushSize(size);
  if (threshold) editor.setOptions({ threshold: "range", low: 96, high: 255 });
  const { history } = document;
  const place = () => ({ x: width * random(), y: height * random() });
  for (let step = 0; step < STEPS; step += 1) {
    editor.setLabel(1 + Math.floor(12 * random()));
    const from = place();
    const to = place();
    editor.pointerDown(from, NO_MODIFIERS);
    for (let i = 1; i <= MOVES; i += 1)
      editor.pointerMove([{ x: from.x + ((to.x - from.x) * i) / MOVES, y: from.y + ((to.y - from.y) * i) / MOVES }]);
    editor.pointerUp(to, NO_MODIFIERS);
  }
  const { steps, bytes } = history;
  const ms = [];
  const copied = [];
  document.runs();
  while (history.canUndo) {
    const began = performance.now();
    editor.undo();
    const undone = performance.now();
    // What is kept on the device, made once the step is painted.
    document.runs();
    ms.push(undone - began);
    copied.push(performance.now() - undone);
  }
  return { width, height, size, threshold, of: STEPS, steps, megabytes: bytes / 2 ** 20, ms, copied };
}

// Steps kept, their memory, the milliseconds in which each is taken back, and those of the copy for the device.
const made = await engine();
const sizes = process.argv.slice(2).map(Number);
const found = [
  ...sizes.map((size) => measure(made, [1024, 768], size, false)),
  measure(made, [1024, 768], 50, true),
  ...sizes.map((size) => measure(made, [4096, 3072], size, false)),
];
process.stdout.write(JSON.stringify(found));
