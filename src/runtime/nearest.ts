import { closest, distance } from 'fastest-levenshtein';

/** The known name that a misspelt one probably means; undefined: it resembles none. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const near = closest(name, known);
  return distance(name, near) <= Math.max(1, name.length / 3) ? near : undefined;
}
