/** A browser without JavaScript: it keeps cookies, reads forms, and follows no redirect. */
export function newVisitor(origin: string, headers: Record<string, string> = {}) {
  const cookies = new Map<string, string>();

  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(new URL(path, origin), {
      redirect: 'manual',
      ...init,
      headers: { ...headers, ...(cookie && { cookie }), ...(init.headers as Record<string, string>) },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  }

  const post = (path: string, fields: Record<string, string>, init: RequestInit = {}) =>
    request(path, { ...init, method: 'POST', body: new URLSearchParams(fields) });

  return {
    cookies,
    request,
    post,
    text: async (path: string) => (await request(path)).text(),
    /** The hidden fields of the page's first form. */
    async form(path = '/', init: RequestInit = {}): Promise<Record<string, string>> {
      return hiddenFields(await (await request(path, init)).text());
    },
    /** Opens the start page and sends its form. */
    async launch(changes: Record<string, string> = {}): Promise<Response> {
      const fields = hiddenFields(await (await request('/')).text());
      return post('/launch', { world: 'flat_world', ...fields, ...changes });
    },
    status: async (id: string) => JSON.parse(await (await request(`/status?q=${id}`)).text()),
  };
}

export type Visitor = ReturnType<typeof newVisitor>;

export function hiddenFields(page: string): Record<string, string> {
  const found = page.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g);
  return Object.fromEntries([...found].map(match => [match[1] ?? '', match[2] ?? '']));
}

/** All fields that the start form sends. */
export async function startFields(visitor: Visitor): Promise<Record<string, string>> {
  return { world: 'flat_world', ...(await visitor.form()) };
}

/** The session's id in the address of its page. */
export function idIn(response: Response): string {
  const id = new URL(response.headers.get('location') ?? '', 'http://x').searchParams.get('q');
  if (id === null) throw new Error(`no session in ${response.status} ${response.headers.get('location')}`);
  return id;
}

export function basic(password: string): string {
  return `Basic ${Buffer.from(`study:${password}`).toString('base64')}`;
}
