import type { UploadSource } from "./queue";

const STILL = /\.(png|jpe?g|bmp|tiff?|webp)$/i;
/** What operating systems leave in folders. */
const LITTER = /^(\.|__MACOSX|Thumbs\.db$|desktop\.ini$)/i;

/** A file with the folders it lay in. */
export interface DroppedFile {
  file: File;
  folder: string;
}

const naturally = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * Makes clips of what was dropped: each video or zip is one, the stills of each folder are one (in the natural
 * order of their names: 2 before 10), and stills dropped loose are one together.
 */
export function sourcesOf(dropped: DroppedFile[]): UploadSource[] {
  const sources: UploadSource[] = [];
  const stills = new Map<string, File[]>();
  for (const { file, folder } of dropped) {
    if (LITTER.test(file.name) || folder.split("/").some((part) => LITTER.test(part))) continue;
    if (!STILL.test(file.name)) sources.push({ kind: "file", file });
    else stills.set(folder, [...(stills.get(folder) ?? []), file]);
  }
  for (const [folder, files] of stills) {
    files.sort((one, other) => naturally.compare(one.name, other.name));
    const name =
      folder.split("/").pop() || (files.length === 1 ? (files[0]?.name ?? "") : `${files.length} stills`);
    sources.push({ kind: "stills", name, files });
  }
  return sources;
}

function entries(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  // A reader hands over at most 100 entries a time, and an empty list at the end.
  return new Promise((resolve, reject) => {
    const more = () =>
      reader.readEntries((some) => {
        if (some.length === 0) return resolve(all);
        all.push(...some);
        more();
      }, reject);
    more();
  });
}

async function walk(entry: FileSystemEntry, folder: string): Promise<DroppedFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [{ file, folder }];
  }
  const inside = await entries(entry as FileSystemDirectoryEntry);
  const path = folder ? `${folder}/${entry.name}` : entry.name;
  return (await Promise.all(inside.map((child) => walk(child, path)))).flat();
}

/** Everything in a drop, folders included. Call it within the event: afterwards the list is empty. */
export async function filesOfDrop(transfer: DataTransfer): Promise<DroppedFile[]> {
  const found = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const lists = found.map(async ({ entry, file }) => {
    if (entry) return walk(entry, "");
    return file ? [{ file, folder: "" }] : [];
  });
  return (await Promise.all(lists)).flat();
}

/** Everything chosen in a file dialog; a chosen folder tells its path in `webkitRelativePath`. */
export function filesOfInput(files: FileList): DroppedFile[] {
  return [...files].map((file) => ({
    file,
    folder: file.webkitRelativePath.split("/").slice(0, -1).join("/"),
  }));
}
