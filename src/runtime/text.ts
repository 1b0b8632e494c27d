/** An error's own message. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message of an error, followed by those of its causes: `a: b: c`. One that was part of another is not repeated. */
export function errorText(error: unknown): string {
  const texts = [errorMessage(error)];
  for (let at = causeOf(error); at !== undefined; at = causeOf(at)) {
    const text = errorMessage(at);
    if (!texts.some(said => said.includes(text))) texts.push(text);
  }
  return texts.join(': ');
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** A number of bytes in binary units, with three digits at most: `866 MiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
