/** What somebody who waits for a launch may expect, by how others went lately. */
export interface Usual {
  /** From the request until it is ready; undefined: too few are known. */
  readonly readyAfterMs: number | undefined;
  /** Minecraft's; undefined: no server has told. */
  readonly version: string | undefined;
}
