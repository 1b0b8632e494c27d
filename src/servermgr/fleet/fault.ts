/** Since when something is not as it should be, and why: in words for operators. */
export interface Fault {
  readonly sinceMs: number;
  readonly why: string;
}
