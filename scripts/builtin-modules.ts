import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

/** Loaded when something of theirs is called first: openssl and zlib take 17 ms where `node -e 0` takes 90. */
const ON_CALL = new Set(['crypto', 'stream/consumers', 'util', 'v8', 'zlib'].map(name => `node:${name}`));

/** What pino requires for outputs that it opens itself, which no log here has: with it came `assert`, too. */
const UNUSED = /^(?:sonic-boom|thread-stream|worker_threads)$/;

/**
 * How a bundle gets Node's own modules. An `import` of one has Node read every export of it, and some of these load
 * what nobody asked for: `fs.ReadStream` all streams, `util.parseArgs` a parser. So a bundle takes what it uses alone.
 */
export const builtinModules: Plugin = {
  name: 'builtin-modules',
  setup(build) {
    build.onResolve({ filter: /./ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path)
        ? { path: path.startsWith('node:') ? path : `node:${path}`, namespace: 'builtin', sideEffects: false }
        : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({ contents: moduleFor(path) }));
    build.onResolve({ filter: UNUSED }, ({ path, importer }) =>
      importer.includes('/node_modules/pino') ? { path, namespace: 'unused' } : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'unused' }, ({ path }) => ({
      contents: `module.exports = class { constructor() { throw new Error('${path} is not in the bundle') } };`,
    }));
  },
};

/** What is not used of it is left out of the bundle: a call that is marked as pure has no effects. */
function moduleFor(id: string): string {
  const builtin: object = process.getBuiltinModule(id) ?? {};
  const exports = Object.entries(builtin)
    .filter(([name]) => name !== 'default' && /^[A-Za-z_$][\w$]*$/.test(name))
    .map(([name, value]) => `export const ${name} = ${exported(id, name, value)};`);
  return [
    `const load = () => process.getBuiltinModule(${JSON.stringify(id)});`,
    'const pick = name => load()[name];',
    'const onUse = name => new Proxy({}, { get: (_, key) => pick(name)[key] });',
    'export default /* @__PURE__ */ load();',
    ...exports,
  ].join('\n');
}

/** Classes, and functions that have something themselves, such as `inspect.custom`, are needed as they are. */
function exported(id: string, name: string, value: unknown): string {
  const picked = `/* @__PURE__ */ pick('${name}')`;
  if (!ON_CALL.has(id)) return picked;
  if (name === 'constants') return `/* @__PURE__ */ onUse('${name}')`;
  const isCalled = typeof value === 'function' && /^[a-z]/.test(name) && Object.keys(value).length === 0;
  return isCalled ? `(...args) => load().${name}(...args)` : picked;
}
