// Whether a text has the form of a pass's code, as docs/readers.md describes it (chapter 7); who signed it, the hub says.

export const PREFIX = "SP1:";
export const MAX_LENGTH = 255;
export const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

const LAST_SECOND = 253_402_300_799; // of the year 9999
const TEXT = /^SP1:[0-9A-Z $%*+\-./:]+$/;
const UINT = String.raw`([\x00-\x17]|\x18.|\x19.{2}|\x1a.{4}|\x1b.{8})`;
// The one encoding that there is, a character a byte.
const TOKEN = new RegExp(
  String.raw`^\xd2\x84(.)(\xa2\x01\x27\x04(.)[A-Za-z0-9_-]{1,12})\xa0` +
    String.raw`\x58(.)(\xa4\x01\x78\x24(.{36})\x04${UINT}\x05${UINT}\x07\x50.{16})\x58\x40.{64}$`,
  "s",
);
const SCHOOL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isWellFormed(code: string): boolean {
  if (code.length > MAX_LENGTH || !TEXT.test(code)) return false;
  const token = decoded(code.slice(PREFIX.length));
  const found = token === null ? null : TOKEN.exec(token);
  if (found === null) return false;
  const [, size, header, kidSize, claimsSize, claims, school, expires, notBefore] = found as unknown as string[];
  if (size === undefined || header === undefined || kidSize === undefined || claimsSize === undefined || claims === undefined) return false;
  const kid = header.length - 5;
  if (byte(size) - 0x40 !== header.length || byte(kidSize) - 0x40 !== kid || byte(claimsSize) !== claims.length) return false;
  return SCHOOL.test(school ?? "") && isTime(expires ?? "") && isTime(notBefore ?? "");
}

const byte = (text: string, at = 0): number => text.charCodeAt(at);

/** Base45 (RFC 9285) as a character a byte; null for what is none. */
function decoded(text: string): string | null {
  if (text.length % 3 === 1) return null;
  let bytes = "";
  for (let at = 0; at < text.length; at += 3) {
    const [a, b, c] = [0, 1, 2].map((step) => (at + step < text.length ? BASE45.indexOf(text.charAt(at + step)) : undefined));
    const value = (a ?? 0) + 45 * (b ?? 0) + 2025 * (c ?? 0);
    if (value > (c === undefined ? 0xff : 0xffff)) return null;
    bytes += c === undefined ? String.fromCharCode(value) : String.fromCharCode(value >> 8, value & 0xff);
  }
  return bytes;
}

/** A CBOR uint in its shortest form, up to the last second that there is. */
function isTime(encoded: string): boolean {
  let value = encoded.length === 1 ? byte(encoded) : 0;
  for (let at = 1; at < encoded.length; at++) value = value * 256 + byte(encoded, at);
  const shortest = value < 24 ? 1 : value < 2 ** 8 ? 2 : value < 2 ** 16 ? 3 : value < 2 ** 32 ? 5 : 9;
  return value <= LAST_SECOND && encoded.length === shortest;
}
