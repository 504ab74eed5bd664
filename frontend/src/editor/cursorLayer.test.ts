import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CursorLayer } from "./cursorLayer";
import type { Preview } from "./tools";

const VIEW = { scale: 2, x: 10, y: 20 };

/** What a canvas is asked to do, without a canvas. */
function makeLayer(density = 1) {
  const strokes: { origin: [number, number]; path: unknown }[] = [];
  let origin: [number, number] = [0, 0];
  let cleared = 0;
  const canvas = { width: 300, height: 150, style: {} as Record<string, string> };
  const context = {
    setTransform: (_a: number, _b: number, _c: number, _d: number, x: number, y: number) => {
      origin = [-x, -y];
    },
    clearRect: () => cleared++,
    stroke: (path: unknown) => strokes.push({ origin, path }),
  };
  const layer = new CursorLayer(
    canvas as unknown as HTMLCanvasElement,
    context as unknown as CanvasRenderingContext2D,
  );
  layer.setViewport({ width: 800, height: 600 }, density);
  const draw = (...shapes: Preview[]) => {
    strokes.length = cleared = 0;
    layer.draw(VIEW, shapes, () => "#ffffff");
    return { strokes: strokes.length, origin: strokes[0]?.origin, cleared };
  };
  return { canvas, draw };
}

const brush = (x: number, y: number, diameter: number): Preview => ({
  kind: "circle",
  centre: { x, y },
  diameter,
});

describe("the cursor's canvas", () => {
  beforeEach(() => {
    vi.stubGlobal(
      "Path2D",
      class {
        arc() {}
        rect() {}
        moveTo() {}
        lineTo() {}
      },
    );
  });
  afterEach(() => vi.unstubAllGlobals());

  test("is as large as the shape and lies where it does", () => {
    const { canvas, draw } = makeLayer();
    // 40 pixels across around (110, 120) on the screen, and 4 more for the line.
    const { strokes, origin } = draw(brush(50, 50, 20));
    expect([canvas.width, canvas.height]).toEqual([64, 64]);
    expect(canvas.style.transform).toBe("translate(86px, 96px)");
    expect(origin).toEqual([86, 96]);
    expect(strokes).toBe(2);
  });

  test("is moved with the shape, and another only where that outgrows it or becomes far smaller", () => {
    const { canvas, draw } = makeLayer();
    draw(brush(50, 50, 20));
    draw(brush(60, 50, 20));
    expect(canvas.style.transform).toBe("translate(106px, 96px)");
    draw(brush(60, 50, 40));
    expect(canvas.width).toBe(128);
    draw(brush(60, 50, 20));
    expect(canvas.width).toBe(128);
    draw(brush(100, 100, 120));
    draw(brush(100, 100, 20));
    expect(canvas.width).toBe(64);
  });

  test("holds what is in sight of a shape that reaches out of it", () => {
    const { canvas, draw } = makeLayer();
    draw(brush(0, 0, 1000));
    expect([canvas.width, canvas.height]).toEqual([832, 640]);
    expect(canvas.style.transform).toBe("translate(0px, 0px)");
  });

  test("is cleared once when there is nothing to show, or it is out of sight", () => {
    const { draw } = makeLayer();
    expect(draw()).toMatchObject({ strokes: 0, cleared: 0 });
    draw(brush(50, 50, 20));
    expect(draw(brush(-500, -500, 20))).toMatchObject({ strokes: 0, cleared: 1 });
    expect(draw()).toMatchObject({ strokes: 0, cleared: 0 });
  });

  test("lies on whole pixels of a screen with more of them", () => {
    const { canvas, draw } = makeLayer(1.5);
    const { origin } = draw(brush(50, 50, 20));
    expect(origin).toEqual([129, 144]);
    expect(canvas.style.transform).toBe("translate(86px, 96px)");
    expect(canvas.style.width).toBe(`${canvas.width / 1.5}px`);
  });
});
