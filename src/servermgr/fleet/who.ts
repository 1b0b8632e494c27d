/** An administrator, as the audit names them. @param network where they are; undefined: that is not known */
export function adminAt(network: string | undefined): string {
  return network === undefined ? 'admin' : `admin at ${network}`;
}
