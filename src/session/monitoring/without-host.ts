/** What has befallen a request, for the log: the host of a URL that is a secret may be a part of the secret. */
export function withoutHost(text: string, url: string): string {
  const { hostname } = new URL(url);
  return text.replaceAll(hostname.replace(/^\[(.*)\]$/, '$1'), 'the host');
}
