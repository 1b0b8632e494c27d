/** Linux's limits, in bytes. */
const MAX_PATH_BYTES = 4_095;
const MAX_NAME_BYTES = 255;

const SLASH = 0x2f;
const DOT = '.'.charCodeAt(0);

/**
 * The parts of an archived path, `.` and doubled slashes left out; empty: the root itself. Undefined: it would lead out
 * of the folder that it is unpacked to, or no file system takes it.
 */
export function partsOf(path: Buffer): readonly Buffer[] | undefined {
  if (path.length > MAX_PATH_BYTES || path[0] === SLASH || path.includes(0)) return undefined;
  const parts = split(path).filter(part => part.length > 0 && !isCurrent(part));
  return parts.some(part => isParent(part) || part.length > MAX_NAME_BYTES) ? undefined : parts;
}

/**
 * Whether a link leads nowhere but to below the folder that it is unpacked to, whatever other such links do: it goes up
 * first, by no more folders than it lies in, and then only down.
 * @param depth in how many folders it lies
 */
export function staysInside(target: Buffer, depth: number): boolean {
  if (target.length === 0 || target.length > MAX_PATH_BYTES || target[0] === SLASH || target.includes(0))
    return false;
  const parts = split(target).filter(part => part.length > 0 && !isCurrent(part));
  const down = parts.findIndex(part => !isParent(part));
  const ups = down < 0 ? parts.length : down;
  return ups <= depth && !parts.slice(ups).some(isParent);
}

function split(path: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let from = 0; from <= path.length; ) {
    const slash = path.indexOf(SLASH, from);
    const end = slash < 0 ? path.length : slash;
    parts.push(path.subarray(from, end));
    from = end + 1;
  }
  return parts;
}

function isCurrent(part: Buffer): boolean {
  return part.length === 1 && part[0] === DOT;
}

function isParent(part: Buffer): boolean {
  return part.length === 2 && part[0] === DOT && part[1] === DOT;
}
