import { SESSIONS_FOLDER } from '../../config/key-template.ts';

/** The session whose object a key names, and what is below its folder. */
export function sessionOfKey(key: string): { readonly name: string; readonly inside: string } | undefined {
  const [folder, name = '', ...inside] = key.split('/');
  return folder === SESSIONS_FOLDER ? { name, inside: inside.join('/') } : undefined;
}
