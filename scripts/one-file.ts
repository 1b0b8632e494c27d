import { basename } from 'node:path';

/** A module of a bundle that other modules import by its file name. */
export interface BundledModule {
  readonly path: string;
  readonly text: string;
}

export interface NodeVersion {
  readonly major: number;
  readonly minor: number;
}

/**
 * Puts modules into one file, which Node gets them from when they are imported. They stand in a comment, a line each:
 * V8 reads past a comment, and would make a string of each when it compiled the file. What is never asked for, the AWS
 * SDK above all, costs its reading alone. A function tells its text without a copy, comments included. A module that
 * enables the compile cache is compiled itself by then: what is to come from the cache has to be another one.
 */
export function oneFile(modules: readonly BundledModule[], oldestNode: NodeVersion): string {
  const { major, minor } = oldestNode;
  const names = modules.map(({ path }) => `./${basename(path)}`);
  return `#!/usr/bin/env node
// Whatever an earlier Node cannot parse or lacks comes after this.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < ${major} || (major === ${major} && minor < ${minor})) {
  console.error('this needs Node ${major}.${minor} or later, and was started by ' + process.execPath + ', Node ' + process.versions.node);
  process.exit(64);
}
const { enableCompileCache, registerHooks } = process.getBuiltinModule('node:module');
enableCompileCache();
const lines = modules.toString().split('\\n').slice(1);
const names = new Map(${JSON.stringify(names)}.map((name, line) => [name, { url: import.meta.url + '?' + name, line }]));
const lineOf = new Map([...names.values()].map(({ url, line }) => [url, line]));
registerHooks({
  resolve(name, context, next) {
    const found = names.get(name);
    return found === undefined ? next(name, context) : { url: found.url, shortCircuit: true };
  },
  load(url, context, next) {
    const line = lineOf.get(url);
    return line === undefined
      ? next(url, context)
      : { format: 'module', source: JSON.parse(lines[line]), shortCircuit: true };
  },
});
await import('./main.js');
function modules() {/*
${modules.map(({ text }) => inComment(JSON.stringify(text.replace(/^#!.*\n/, '')))).join('\n')}
*/}
`;
}

/** In ASCII: one character beyond Latin-1, and V8 keeps the whole file in two bytes for each. */
function inComment(json: string): string {
  return json
    .replaceAll('*/', '*\\/')
    .replace(/[^\0-\x7f]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
