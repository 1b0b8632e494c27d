import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import * as v from 'valibot';
import { SCOPES } from '../../database/tokens-table.ts';
import { adminAt } from '../../fleet/who.ts';
import { seeOther } from '../base-path.ts';
import { sendPage } from '../errors.ts';
import { networkOf } from '../network.ts';
import { MAX_TOKEN_NAME, type TokensPage, tokensPage } from '../pages/tokens.ts';
import type { RouteTools } from '../route-tools.ts';
import { ensureVisitor, formField, formToken } from '../visitor-cookie.ts';

const Name = v.pipe(
  v.string('Give it a name.'),
  v.trim(),
  v.minLength(1, 'Give it a name.'),
  v.maxLength(MAX_TOKEN_NAME, `Its name has at most ${MAX_TOKEN_NAME} characters.`),
  v.check(text => !/\p{Cc}/u.test(text), 'Its name has no control characters.'),
);
const Id = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number));

/** Makes and withdraws the tokens of the API. */
export async function tokenRoutes(app: FastifyInstance, { operators }: RouteTools): Promise<void> {
  const { tokens } = operators;

  app.get('/admin/tokens', async (request, reply) =>
    show(request, reply, { made: undefined, fault: undefined }),
  );

  app.post('/admin/tokens', { preHandler: app.csrfProtection }, async (request, reply) => {
    const name = v.safeParse(Name, formField(request.body, 'name'));
    const scopes = SCOPES.filter(scope => formField(request.body, scope) === 'yes');
    const fault = name.success ? (scopes.length > 0 ? undefined : NO_SCOPE) : name.issues[0].message;
    if (!name.success || fault !== undefined)
      return show(request, reply.code(400), { made: undefined, fault });
    const createdBy = adminAt(networkOf(request.ip));
    const token = await tokens.create({ name: name.output, scopes, createdBy });
    return show(request, reply, { made: { name: name.output, token }, fault: undefined });
  });

  app.post('/admin/tokens/withdraw', { preHandler: app.csrfProtection }, async (request, reply) => {
    const id = v.safeParse(Id, formField(request.body, 'token'));
    if (id.success) await tokens.withdraw(id.output, adminAt(networkOf(request.ip)));
    return seeOther(reply, '/admin/tokens');
  });

  async function show(
    request: FastifyRequest,
    reply: FastifyReply,
    news: Pick<TokensPage, 'made' | 'fault'>,
  ): Promise<FastifyReply> {
    const csrf = formToken(reply, ensureVisitor(request, reply));
    return sendPage(reply, tokensPage({ base: app.basePath, tokens: await tokens.list(), csrf, ...news }));
  }
}

const NO_SCOPE = 'Choose at least one thing that it may do.';
