/** The bytes are no 8-bit grey PNG of a sane size. By itself: the page needs the name, the coder only its worker. */
export class WrongPng extends Error {
  override name = "WrongPng";
}
