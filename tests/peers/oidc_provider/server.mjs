// An independent identity provider on loopback, for the tests: oidc-provider with everything in memory and own plain pages.
// Prints one line of JSON when it listens and ends when its standard input closes, so that it cannot outlive the tests.
import * as crypto from 'node:crypto';
import http from 'node:http';
import { parseArgs } from 'node:util';

import Provider, { errors } from 'oidc-provider';

import { handleInteraction, page, pages } from './pages.mjs';

const { values: options } = parseArgs({
  options: {
    'client-id': { type: 'string', default: 'tokenkeep-tests' },
    'redirect-path': { type: 'string', multiple: true, default: ['/callback'] },
    'access-token-ttl': { type: 'string', default: '3600' }, // seconds
    'id-token-ttl': { type: 'string', default: '3600' }, // seconds
    'device-code-ttl': { type: 'string', default: '600' }, // seconds
    'code-ttl': { type: 'string', default: '60' }, // seconds
    'post-logout-path': { type: 'string', multiple: true, default: ['/signed-out'] },
    'service-secret': { type: 'string', default: '' }, // makes clients ID-basic and ID-post, which have this secret
    'client-jwks': { type: 'string', default: '' }, // a JWK set; makes a client ID-key, which signs with these keys
    'require-par': { type: 'string', default: '' }, // any value: requests that were not pushed are refused
    resource: { type: 'string', multiple: true, default: [] }, // identifiers of RFC 8707; each has notes:read, notes:write
    'dpop-nonces': { type: 'boolean', default: false }, // proofs need a nonce (RFC 9449, section 8)
    registration: { type: 'boolean', default: false }, // clients register themselves (RFC 7591, RFC 7592)
    port: { type: 'string', default: '0' },
  },
});

// oidc-provider warns on standard error about what every development set-up has; tests read that stream for real faults.
console.warn = () => {};
console.info = () => {};

const server = http.createServer();
await new Promise((resolve, reject) => {
  server.once('error', reject);
  server.listen(Number(options.port), '127.0.0.1', resolve);
});
const issuer = `http://127.0.0.1:${server.address().port}`;

const signingKey = {
  ...crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  use: 'sig', alg: 'RS256', kid: crypto.randomUUID(),
};

const client = {
  client_id: options['client-id'],
  client_name: 'TokenKeep tests',
  application_type: 'native', // loopback redirect URIs match at any port (RFC 8252, section 7.3)
  token_endpoint_auth_method: 'none',
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  redirect_uris: options['redirect-path'].map((path) => `http://127.0.0.1${path}`),
  post_logout_redirect_uris: options['post-logout-path'].map((path) => `http://127.0.0.1${path}`),
};
const withMachines = [...client.grant_types, 'client_credentials'];
const confidential = ['basic', 'post'].map((kind) => ({
  ...client,
  grant_types: withMachines,
  client_id: `${client.client_id}-${kind}`,
  client_secret: options['service-secret'],
  token_endpoint_auth_method: `client_secret_${kind}`,
}));

const keyed = {
  ...client,
  grant_types: withMachines,
  client_id: `${client.client_id}-key`,
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: options['client-jwks'] ? JSON.parse(options['client-jwks']) : undefined,
};

const provider = new Provider(issuer, {
  clients: [client, ...(options['service-secret'] ? confidential : []), ...(options['client-jwks'] ? [keyed] : [])],
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  jwks: { keys: [signingKey] },
  cookies: { keys: [crypto.randomBytes(32).toString('base64url')] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  ttl: {
    AccessToken: Number(options['access-token-ttl']),
    IdToken: Number(options['id-token-ttl']),
    DeviceCode: Number(options['device-code-ttl']),
    AuthorizationCode: Number(options['code-ttl']),
    RefreshToken: 24 * 3600,
    Interaction: 3600,
    Session: 3600,
    Grant: 24 * 3600,
  },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, name: `Name of ${id}`, preferred_username: id, email: `${id}@example.test`, email_verified: true,
    }),
  }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  renderError: (ctx, out, error) => { ctx.type = 'html'; ctx.body = page('Error', pages.error(out, error)); },
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: crypto.randomBytes(32), requireNonce: () => options['dpop-nonces'] },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: Boolean(options['require-par']) },
    resourceIndicators: {
      enabled: options.resource.length > 0,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => {
        if (!options.resource.includes(resource)) throw new errors.InvalidTarget();
        return { scope: 'notes:read notes:write', audience: resource, accessTokenFormat: 'jwt' };
      },
    },
    registration: { enabled: options.registration },
    registrationManagement: { enabled: options.registration, rotateRegistrationAccessToken: true },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    userinfo: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => { ctx.body = page('Log out', pages.logOut(form)); },
      postLogoutSuccessSource: (ctx) => { ctx.body = page('Logged out', pages.loggedOut()); },
    },
    deviceFlow: {
      enabled: true,
      userCodeInputSource: (ctx, form, out, error) => { ctx.body = page('Device', pages.deviceInput(form, error)); },
      userCodeConfirmSource: (ctx, form, client, device, code) => {
        ctx.body = page('Device', pages.deviceConfirm(form, code));
      },
      successSource: (ctx) => { ctx.body = page('Device', pages.deviceDone()); },
    },
  },
});

// What was asked, without anything secret: endpoint, grant type, status and error code.
const log = [];
provider.use(async (ctx, next) => {
  await next();
  const entry = { method: ctx.method, path: ctx.path, endpoint: ctx.oidc?.route ?? null, status: ctx.status };
  if (entry.endpoint === 'token') entry.grant_type = ctx.oidc.params?.grant_type ?? ctx.oidc.body?.grant_type ?? null;
  if (ctx.body?.error) entry.error = ctx.body.error;
  log.push(entry);
});
function counts() {
  const result = {};
  for (const { endpoint, grant_type: grantType } of log) {
    const key = grantType ? `${endpoint}:${grantType}` : endpoint;
    if (key) result[key] = (result[key] ?? 0) + 1;
  }
  return result;
}

const handle = provider.callback();
server.on('request', async (request, response) => {
  try {
    if (request.url === '/__log') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ counts: counts(), entries: log }));
    } else if (request.url.startsWith('/interaction/')) {
      await handleInteraction(provider, request, response);
    } else {
      await handle(request, response);
    }
  } catch (error) {
    response.statusCode = error.statusCode ?? 500;
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(page('Error', pages.error({ error: error.message, error_description: error.error_description }, error)));
  }
});

process.stdin.on('end', () => process.exit(0)).resume();
console.log(JSON.stringify({ issuer, client_id: options['client-id'], pid: process.pid }));
