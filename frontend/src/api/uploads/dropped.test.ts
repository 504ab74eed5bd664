import { expect, it } from "vitest";
import { type DroppedFile, sourcesOf } from "./dropped";
import { sourceName } from "./queue";
import { crc32, zipStored } from "./zip";

const file = (name: string, folder = ""): DroppedFile => ({ file: new File(["x"], name), folder });

it("makes one clip of every video and one of every folder of stills", () => {
  const sources = sourcesOf([
    file("a.mp4"),
    file("10.png", "loop/left"),
    file("2.png", "loop/left"),
    file("1.JPG", "loop/right"),
    file("b.zip", "loop"),
  ]);
  expect(sources.map((source) => [source.kind, sourceName(source)])).toEqual([
    ["file", "a.mp4"],
    ["file", "b.zip"],
    ["stills", "left"],
    ["stills", "right"],
  ]);
  expect(sources[2]?.kind === "stills" && sources[2].files.map(({ name }) => name)).toEqual([
    "2.png",
    "10.png",
  ]);
});

it("leaves out what operating systems put into folders", () => {
  const litter = [file(".DS_Store", "loop"), file("Thumbs.db", "loop"), file("1.png", "__MACOSX/loop")];
  expect(sourcesOf(litter)).toEqual([]);
});

it("puts loose stills into one clip", () => {
  expect(sourcesOf([file("1.png"), file("2.png")]).map(sourceName)).toEqual(["2 stills"]);
});

it("computes the checksum of the zip standard", () => {
  // The check value of CRC-32/ISO-HDLC.
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});

it("writes a zip whose directory finds every entry", async () => {
  const zip = new Uint8Array(
    await (
      await zipStored([
        { name: "00001.png", data: new Blob(["first"]) },
        { name: "00002.png", data: new Blob(["second one"]) },
      ])
    ).arrayBuffer(),
  );
  const view = new DataView(zip.buffer);
  const end = zip.length - 22;
  expect(view.getUint32(end, true)).toBe(0x06054b50);
  expect(view.getUint16(end + 10, true)).toBe(2);
  let at = view.getUint32(end + 16, true);
  const contents: string[] = [];
  for (let entry = 0; entry < 2; entry += 1) {
    expect(view.getUint32(at, true)).toBe(0x02014b50);
    const size = view.getUint32(at + 20, true);
    const nameLength = view.getUint16(at + 28, true);
    const start = view.getUint32(at + 42, true) + 30 + nameLength;
    const name = new TextDecoder().decode(zip.subarray(at + 46, at + 46 + nameLength));
    contents.push(`${name}: ${new TextDecoder().decode(zip.subarray(start, start + size))}`);
    at += 46 + nameLength;
  }
  expect(contents).toEqual(["00001.png: first", "00002.png: second one"]);
  expect(at).toBe(end);
});
