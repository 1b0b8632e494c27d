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

/** A duration with its two greatest units: `1h 02m`, `12m 30s`, `45s`, `2.5s`. */
export function durationText(ms: number): string {
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60)];
  const two = (n: number) => String(n).padStart(2, '0');
  if (hours > 0) return `${hours}h ${two(minutes % 60)}m`;
  return minutes > 0 ? `${minutes}m ${two(seconds % 60)}s` : `${seconds}s`;
}

/** What a terminal obeys instead of showing it: control characters, and those that turn the direction of writing. */
const OBEYED = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A text from elsewhere for one line of a terminal: what is no visible character is shown as `\x1b` or `\u202e`. */
export function printable(text: string): string {
  return text.replace(OBEYED, character => {
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** A value as one line of JSON that a terminal shows as it is. */
export function jsonLine(value: unknown): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(OBEYED, escaped);
}
