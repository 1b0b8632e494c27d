/** Runs something without root's right to read everything, where the tests run as root. */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  const { geteuid, seteuid } = process;
  if (geteuid?.() !== 0 || seteuid === undefined) return await work();
  seteuid(65_534);
  try {
    return await work();
  } finally {
    seteuid(0);
  }
}
