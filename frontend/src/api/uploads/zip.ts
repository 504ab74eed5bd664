/**
 * A zip file without compression ("store", PKWARE APPNOTE 4.3): stills are compressed already. The parts stay
 * references to the files on disk; only one file at a time is read, for its checksum.
 */

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 as zip and PNG use it. */
export function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Plain zip knows no larger numbers; zip64 would be needed beyond. */
const MOST_ENTRIES = 0xffff;
const MOST_BYTES = 0xffffffff;
/** 1 January 1980: zip's zero. The true time of a still is nobody's business. */
const DATE = 0x0021;

function header(signature: number, length: number, fields: [offset: number, size: 2 | 4, value: number][]) {
  const view = new DataView(new ArrayBuffer(length));
  view.setUint32(0, signature, true);
  for (const [offset, size, value] of fields) {
    if (size === 2) view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
  }
  return new Uint8Array(view.buffer);
}

/**
 * Packs files under the given names (ASCII). Raises RangeError when a plain zip cannot hold them: more than
 * 65 535 files or 4 GiB.
 */
export async function zipStored(entries: { name: string; data: Blob }[]): Promise<Blob> {
  const total = entries.reduce((sum, { name, data }) => sum + data.size + 2 * name.length + 76, 22);
  if (entries.length > MOST_ENTRIES || total > MOST_BYTES)
    throw new RangeError(
      `${entries.length} stills of ${Math.round(total / 1e6)} MB are too many for one clip (at most 65 535 and 4 GiB). Split the folder.`,
    );
  const parts: BlobPart[] = [];
  const directory: BlobPart[] = [];
  let offset = 0;
  let directorySize = 0;
  for (const { name, data } of entries) {
    const crc = crc32(new Uint8Array(await data.arrayBuffer()));
    const nameBytes = new TextEncoder().encode(name);
    const local = header(0x04034b50, 30, [
      [4, 2, 20],
      [12, 2, DATE],
      [14, 4, crc],
      [18, 4, data.size],
      [22, 4, data.size],
      [26, 2, nameBytes.length],
    ]);
    const central = header(0x02014b50, 46, [
      [4, 2, 20],
      [6, 2, 20],
      [14, 2, DATE],
      [16, 4, crc],
      [20, 4, data.size],
      [24, 4, data.size],
      [28, 2, nameBytes.length],
      [42, 4, offset],
    ]);
    parts.push(local, nameBytes, data);
    directory.push(central, nameBytes);
    offset += local.length + nameBytes.length + data.size;
    directorySize += central.length + nameBytes.length;
  }
  const end = header(0x06054b50, 22, [
    [8, 2, entries.length],
    [10, 2, entries.length],
    [12, 4, directorySize],
    [16, 4, offset],
  ]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
