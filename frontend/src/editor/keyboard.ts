/** What a key can mean. The screen decides what is done about each. */
export type Action =
  | "tool.brush"
  | "tool.eraser"
  | "tool.polygon"
  | "tool.fill"
  | "tool.line"
  | "tool.lasso"
  | "tool.scissors"
  | "tool.grow"
  | "tool.superpixel"
  | "tool.clicks"
  | "tool.move"
  | "tool.measure"
  | "brush.shape"
  | "brush.threshold"
  | "shape.mode"
  | "structure.fillHoles"
  | "structure.removeIslands"
  | "structure.keepLargest"
  | "structure.smooth"
  | "structure.grow"
  | "structure.shrink"
  | "structure.menu"
  | "structure.copyPrevious"
  | "structure.copyNext"
  | "brush.smaller"
  | "brush.larger"
  | `label.${number}`
  | "label.swap"
  | "label.next"
  | "label.previous"
  | "label.lock"
  | "label.hide"
  | "paintOver"
  | "masks.hide"
  | "masks.outlines"
  | "neighbours"
  | "draft.ghost"
  | "draft.flip"
  | "previous.flip"
  | "difference"
  | "uncertainty"
  | "frame.previous"
  | "frame.next"
  | "frame.previousSelected"
  | "frame.nextSelected"
  | "frame.nextWaiting"
  | "frame.nextUncertain"
  | "frame.nextUntouched"
  | "frame.nextReturned"
  | "carry"
  | "frame.submit"
  | "draft.accept"
  | "review.accept"
  | "review.return"
  | "play"
  | "pan"
  | "undo"
  | "redo"
  | "save"
  | "cancel"
  | "finish"
  | "stepBack"
  | "view.fit"
  | "view.zoomIn"
  | "view.zoomOut"
  | "view.left"
  | "view.right"
  | "view.up"
  | "view.down"
  | "opacity.up"
  | "opacity.down"
  | "panels"
  | "help"
  | "wall.next"
  | "wall.previous"
  | "wall.down"
  | "wall.up"
  | "wall.pick"
  | "wall.pickAll"
  | "wall.unpick"
  | "wall.changes"
  | "wall.takeBack"
  | "wall.open";

/** What a chord does: at once, when tapped, or for as long as it is held. */
export interface Binding {
  /** Done when the key goes down, or, where `hold` is given too, when it comes up quickly. */
  readonly tap?: Action;
  /** Begins when the key goes down ("start") and ends when it comes up ("end"). */
  readonly hold?: Action;
  /** `hold` begins only once the key repeats: for keys whose tap means something quite different. */
  readonly late?: boolean;
  /** Goes on while the key repeats. */
  readonly repeats?: boolean;
}

/** Chords as "mod+shift+z": `mod` is Ctrl, or Command on a Mac. */
export type KeyMap = Readonly<Record<string, Binding>>;

export const DEFAULT_KEYS: KeyMap = {
  b: { tap: "tool.brush" },
  e: { tap: "tool.eraser" },
  p: { tap: "tool.polygon" },
  f: { tap: "tool.fill" },
  i: { tap: "tool.line" },
  l: { tap: "tool.lasso" },
  s: { tap: "tool.scissors" },
  g: { tap: "tool.grow" },
  r: { tap: "tool.superpixel" },
  c: { tap: "tool.clicks" },
  v: { tap: "tool.move" },
  m: { tap: "tool.measure" },
  q: { tap: "brush.shape" },
  t: { tap: "brush.threshold" },
  a: { tap: "shape.mode" },
  "shift+f": { tap: "structure.fillHoles" },
  "shift+i": { tap: "structure.removeIslands" },
  "shift+k": { tap: "structure.keepLargest" },
  "shift+s": { tap: "structure.smooth" },
  "shift+]": { tap: "structure.grow" },
  "shift+[": { tap: "structure.shrink" },
  "shift+l": { tap: "structure.menu" },
  "alt+,": { tap: "structure.copyPrevious" },
  "alt+.": { tap: "structure.copyNext" },
  "[": { tap: "brush.smaller", repeats: true },
  "]": { tap: "brush.larger", repeats: true },
  "1": { tap: "label.1" },
  "2": { tap: "label.2" },
  "3": { tap: "label.3" },
  "4": { tap: "label.4" },
  "5": { tap: "label.5" },
  "6": { tap: "label.6" },
  "7": { tap: "label.7" },
  "8": { tap: "label.8" },
  "9": { tap: "label.9" },
  "0": { tap: "label.10", hold: "view.fit", late: true },
  x: { tap: "label.swap" },
  z: { tap: "label.next", repeats: true },
  "shift+z": { tap: "label.previous", repeats: true },
  "alt+l": { tap: "label.lock" },
  "shift+h": { tap: "label.hide" },
  "shift+o": { tap: "paintOver" },
  h: { hold: "masks.hide" },
  o: { tap: "masks.outlines" },
  n: { tap: "neighbours" },
  d: { tap: "draft.ghost", hold: "draft.flip" },
  "shift+d": { tap: "difference" },
  u: { tap: "uncertainty" },
  "shift+p": { hold: "previous.flip" },
  ",": { tap: "frame.previous", repeats: true },
  ".": { tap: "frame.next", repeats: true },
  "shift+,": { tap: "frame.previousSelected" },
  "shift+.": { tap: "frame.nextSelected" },
  space: { tap: "play", hold: "pan" },
  "=": { tap: "view.zoomIn", repeats: true },
  "-": { tap: "view.zoomOut", repeats: true },
  "shift+arrowleft": { tap: "view.left", repeats: true },
  "shift+arrowright": { tap: "view.right", repeats: true },
  "shift+arrowup": { tap: "view.up", repeats: true },
  "shift+arrowdown": { tap: "view.down", repeats: true },
  "alt+arrowup": { tap: "opacity.up", repeats: true },
  "alt+arrowdown": { tap: "opacity.down", repeats: true },
  w: { tap: "frame.nextWaiting" },
  "alt+u": { tap: "frame.nextUncertain" },
  "alt+n": { tap: "frame.nextUntouched" },
  "alt+r": { tap: "frame.nextReturned" },
  k: { tap: "carry" },
  enter: { tap: "finish" },
  y: { tap: "draft.accept" },
  "shift+y": { tap: "review.accept" },
  "shift+n": { tap: "review.return" },
  "mod+z": { tap: "undo", repeats: true },
  "mod+shift+z": { tap: "redo", repeats: true },
  "mod+y": { tap: "redo", repeats: true },
  "mod+s": { tap: "save" },
  escape: { tap: "cancel" },
  backspace: { tap: "stepBack" },
  tab: { tap: "panels" },
  "shift+?": { tap: "help" },
};

/** Of the review wall, where the same keys mean other things. */
export const WALL_KEYS: KeyMap = {
  j: { tap: "wall.next" },
  k: { tap: "wall.previous" },
  arrowright: { tap: "wall.next", repeats: true },
  arrowleft: { tap: "wall.previous", repeats: true },
  arrowdown: { tap: "wall.down", repeats: true },
  arrowup: { tap: "wall.up", repeats: true },
  x: { tap: "wall.pick" },
  "*": { tap: "wall.pickAll" },
  escape: { tap: "wall.unpick" },
  h: { hold: "masks.hide" },
  o: { tap: "masks.outlines" },
  d: { tap: "wall.changes" },
  enter: { tap: "wall.open" },
  y: { tap: "review.accept" },
  n: { tap: "review.return" },
  "mod+z": { tap: "wall.takeBack" },
  "shift+?": { tap: "help" },
};

export type ActionPhase = "tap" | "start" | "end";

/** A key down longer than this, in milliseconds, was held and not tapped. */
export const TAP_LIMIT = 250;

/** What the keyboard needs of an event; a DOM KeyboardEvent is one. */
export interface KeyEvent {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly repeat: boolean;
  readonly timeStamp: number;
  readonly getModifierState?: (key: string) => boolean;
}

interface Held {
  readonly binding: Binding;
  readonly since: number;
  /** Its `hold` has begun and must end. */
  begun: boolean;
  /** The pointer was used meanwhile, or it was held long: its release is no tap. */
  used: boolean;
}

/** Turns keys into actions. `onKeyDown` and `onKeyUp` tell whether the key was ours (then prevent its default). */
export class Keyboard {
  private readonly down = new Map<string, Held>();
  private repeating = false;

  constructor(
    private readonly run: (action: Action, phase: ActionPhase) => void,
    private readonly keys: KeyMap = DEFAULT_KEYS,
  ) {}

  onKeyDown(event: KeyEvent): boolean {
    const binding = this.keys[chordOf(event)] ?? this.keys[looseChord(event)];
    if (!binding) return false;
    if (event.repeat) {
      const held = this.down.get(event.code);
      if (held && binding.late && !held.begun) this.begin(held);
      this.repeating = true;
      if (binding.repeats && binding.tap) this.run(binding.tap, "tap");
      this.repeating = false;
      return true;
    }
    if (binding.hold) {
      const held: Held = { binding, since: event.timeStamp, begun: false, used: false };
      this.down.set(event.code, held);
      if (!binding.late) this.begin(held);
    } else if (binding.tap) this.run(binding.tap, "tap");
    return true;
  }

  onKeyUp(event: KeyEvent): boolean {
    const held = this.down.get(event.code);
    if (!held) return false;
    this.down.delete(event.code);
    this.end(held);
    const wasTap = !held.used && event.timeStamp - held.since <= TAP_LIMIT;
    if (held.binding.tap && wasTap) this.run(held.binding.tap, "tap");
    return true;
  }

  /** What is done now comes of a key that is held down. */
  get isRepeating(): boolean {
    return this.repeating;
  }

  /** The pointer was used while keys were held (a pan with `Space`): their release is no tap. */
  pointerUsed(): void {
    for (const held of this.down.values()) held.used = true;
  }

  /** The window lost focus and will not see the keys come up. */
  releaseAll(): void {
    for (const held of this.down.values()) this.end(held);
    this.down.clear();
  }

  private begin(held: Held): void {
    held.begun = true;
    if (held.binding.hold) this.run(held.binding.hold, "start");
  }

  private end(held: Held): void {
    if (held.begun && held.binding.hold) this.run(held.binding.hold, "end");
  }
}

const CODES: Readonly<Record<string, string>> = {
  Comma: ",",
  Period: ".",
  BracketLeft: "[",
  BracketRight: "]",
  Space: "space",
  Slash: "/",
  Minus: "-",
  Equal: "=",
  Semicolon: ";",
  Backslash: "\\",
  Quote: "'",
  NumpadAdd: "=",
};

/** Characters that mean themselves wherever they are printed: in Dvorak `[` is beside 0, in German `-` beside the full stop. */
const PRINTED = /^[,./[\]=-]$/;
/** What they become with Shift where that is no other key's character. */
const WITH_SHIFT: Readonly<Record<string, string>> = { "<": ",", ">": ".", "{": "[", "}": "]", "+": "=" };

/**
 * The chord of an event, the same on every keyboard layout. Letters and `, . / [ ] = -` go by what is printed; digits,
 * which need Shift in French, by their place, and so does what stands where America has `, . / [ ] = - ; ' \`, like the
 * German `ü`.
 */
export function chordOf(event: KeyEvent): string {
  if (event.key === "?") return "shift+?";
  // AltGr comes as Ctrl and Alt, but only says which character is meant: `[` is AltGr 8 in German. Alt alone is the Option
  // of a Mac, which Firefox calls AltGraph as well.
  const isAltGr = event.getModifierState?.("AltGraph") && (event.ctrlKey || !event.altKey);
  if (isAltGr && event.key.length === 1) return event.key.toLowerCase();
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push("mod");
  if (event.altKey) parts.push("alt");
  if (event.shiftKey) parts.push("shift");
  parts.push(keyName(event));
  return parts.join("+");
}

function keyName({ key, code, altKey, shiftKey }: KeyEvent): string {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  const digit = /^Digit([0-9])$/.exec(code);
  if (digit) return digit[1];
  const printed = shiftKey ? WITH_SHIFT[key] : key;
  if (printed && PRINTED.test(printed)) return printed;
  if (CODES[code]) return CODES[code];
  // Keyboards without Latin letters, and a Mac's Option, with which N is a dead key: the place tells the letter.
  const letter = /^Key([A-Z])$/.exec(code);
  if (letter && (altKey || key.charCodeAt(0) > 127)) return letter[1].toLowerCase();
  return key.toLowerCase();
}

/** Where the chord means nothing: `*` and `+` are made differently on every keyboard. Plus is the key of `=`. */
function looseChord({ key, ctrlKey, metaKey, altKey }: KeyEvent): string {
  if (ctrlKey || metaKey || altKey) return ""; // Ctrl + is the browser's
  return key === "+" ? "=" : key === "*" ? "*" : "";
}

/** Typing goes into this element: keys are not ours. */
function takesTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && /^(checkbox|radio|range|button)$/.test(target.type)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/**
 * These keys press the focused control, move it or leave it; on the picture they are ours. Tab is ours there, and where
 * nothing has a focus that shows, or nobody could walk through the page with it; from the picture Shift Tab leads out.
 */
function pressesControl(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (event.key === "Tab")
    return (
      event.shiftKey || (target.matches(":focus-visible") && target.closest("[role=application]") === null)
    );
  if (event.key.startsWith("Arrow")) return target.closest("input, [role=slider]") !== null;
  if (event.key !== "Enter" && event.key !== " ") return false;
  return target.closest("button, a, input, [role=button], [role=menuitem], [role=dialog]") !== null;
}

/** Listen on the window. Returns the function that stops it. */
export function attachKeyboard(keyboard: Keyboard, target: Window = window): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  target.addEventListener(
    "keydown",
    (event) => {
      if (takesTyping(event.target) || pressesControl(event)) return;
      if (keyboard.onKeyDown(event)) event.preventDefault();
    },
    { signal },
  );
  target.addEventListener(
    "keyup",
    (event) => {
      if (keyboard.onKeyUp(event)) event.preventDefault();
    },
    { signal },
  );
  target.addEventListener("blur", () => keyboard.releaseAll(), { signal });
  return () => stop.abort();
}
