// oauth4webapi against any provider: each flow checks with the library whatever the library can check.
import * as oauth from 'oauth4webapi';
import { converse, person } from './conversation.mjs';

const insecure = { [oauth.allowInsecureRequests]: true };
const REDIRECT = 'http://127.0.0.1:53682/callback/oauth4webapi';

async function discover({ issuer, algorithm = 'oauth2' }) {
  const url = new URL(issuer);
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm, ...insecure }));
}

async function privateKey(jwk) {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  return { key: await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign']), kid: jwk.kid };
}

/** Who we are: the client, how it authenticates, and the options of every request. */
async function identify({ client_id, secret, auth = secret ? 'basic' : 'none', key, dpop }) {
  const client = { client_id };
  const ways = {
    none: () => oauth.None(),
    basic: () => oauth.ClientSecretBasic(secret),
    post: () => oauth.ClientSecretPost(secret),
    private_key_jwt: async () => oauth.PrivateKeyJwt(await privateKey(key)),
  };
  const options = { ...insecure };
  if (dpop) options.DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
  return { client, auth: await ways[auth](), options };
}

/** Once more with the nonce that the server asked for, which the library has taken note of (RFC 9449 §8). */
async function withNonce(request) {
  try {
    return await request();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return request();
  }
}

async function authorize(settings, as, { client, auth, options }) {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const parameters = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: settings.redirect_uri ?? REDIRECT,
    response_type: 'code',
    scope: settings.scope ?? 'openid profile offline_access',
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  if (settings.prompt) parameters.set('prompt', settings.prompt);
  for (const resource of settings.resource ?? []) parameters.append('resource', resource);
  const address = new URL(as.authorization_endpoint);
  if (settings.par) {
    const pushed = await withNonce(async () => oauth.processPushedAuthorizationResponse(
      as, client, await oauth.pushedAuthorizationRequest(as, client, auth, parameters, options),
    ));
    address.search = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.request_uri });
  } else {
    address.search = parameters;
  }
  const callback = oauth.validateAuthResponse(as, client, await person.open(address), state);
  return { verifier, nonce, callback };
}

async function tokensByCode(settings, as, us) {
  const { client, auth, options } = us;
  const { verifier, nonce, callback } = await authorize(settings, as, us);
  const additionalParameters = (settings.resource ?? []).map((resource) => ['resource', resource]);
  return withNonce(async () => {
    const response = await oauth.authorizationCodeGrantRequest(
      as, client, auth, callback, settings.redirect_uri ?? REDIRECT, verifier,
      { ...options, additionalParameters: new URLSearchParams(additionalParameters) },
    );
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
      expectedNonce: nonce, requireIdToken: true,
    });
    await oauth.validateApplicationLevelSignature(as, response, options);
    return tokens;
  });
}

/** What the resource says to the token: status and body. */
async function use(resource, tokens, options) {
  const call = () => oauth.protectedResourceRequest(tokens.access_token, 'GET', new URL(resource), undefined, undefined, options);
  try {
    return (await withNonce(call)).status;
  } catch (error) {
    if (error instanceof oauth.WWWAuthenticateChallengeError) return error.status;
    throw error;
  }
}

async function code(settings) {
  const as = await discover(settings);
  const us = await identify(settings);
  const { client, auth, options } = us;
  const tokens = await tokensByCode(settings, as, us);
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  const profile = await withNonce(async () => oauth.processUserInfoResponse(
    as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, options),
  ));
  const refreshed = await withNonce(async () => oauth.processRefreshTokenResponse(
    as, client, await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, options),
  ));
  const used = settings.api ? await use(settings.api, refreshed, options) : undefined;
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(as, client, auth, refreshed.refresh_token, options),
  );
  const revoked = settings.api ? await use(settings.api, refreshed, options) : undefined;
  return {
    sub, name: profile.name, token_type: tokens.token_type, rotated: refreshed.refresh_token !== tokens.refresh_token, used, revoked,
  };
}

async function device(settings) {
  const as = await discover(settings);
  const { client, auth, options } = await identify(settings);
  const parameters = new URLSearchParams({ client_id: client.client_id, scope: settings.scope ?? 'openid profile' });
  const codes = await oauth.processDeviceAuthorizationResponse(
    as, client, await oauth.deviceAuthorizationRequest(as, client, auth, parameters, options),
  );
  await person.type(codes.user_code);
  const response = await oauth.deviceCodeGrantRequest(as, client, auth, codes.device_code, options);
  const tokens = await oauth.processDeviceCodeResponse(as, client, response);
  return { sub: oauth.getValidatedIdTokenClaims(tokens).sub, used: await use(settings.api, tokens, options) };
}

async function clientCredentials(settings) {
  const as = await discover(settings);
  const { client, auth, options } = await identify(settings);
  const parameters = new URLSearchParams({ scope: settings.scope ?? '' });
  const tokens = await withNonce(async () => oauth.processClientCredentialsResponse(
    as, client, await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, options),
  ));
  const introspection = settings.introspect
    ? await oauth.processIntrospectionResponse(
      as, client, await oauth.introspectionRequest(as, client, auth, tokens.access_token, options),
    ) : undefined;
  return {
    token_type: tokens.token_type, refresh_token: 'refresh_token' in tokens, active: introspection?.active, used: await use(settings.api, tokens, options),
  };
}

async function register(settings) {
  const as = await discover(settings);
  const redirect_uri = 'http://127.0.0.1:53683/callback/registered';
  const response = await oauth.dynamicClientRegistrationRequest(as, {
    redirect_uris: [redirect_uri],
    client_name: 'An independent client',
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }, insecure);
  const registered = await oauth.processDynamicClientRegistrationResponse(response);
  return code({ ...settings, client_id: registered.client_id, redirect_uri });
}

/** RFC 9728: from a resource to its metadata to its authorization server to a token that it takes. */
async function resource(settings) {
  const url = new URL(settings.resource_url);
  const found = await oauth.processResourceDiscoveryResponse(url, await oauth.resourceDiscoveryRequest(url, insecure));
  const asked = { ...settings, issuer: found.authorization_servers[0], resource: [found.resource] };
  const as = await discover(asked);
  const us = await identify(asked);
  const tokens = await tokensByCode(asked, as, us);
  return { used: await use(settings.api, tokens, us.options), elsewhere: await use(settings.elsewhere, tokens, us.options) };
}

await converse({ code, device, client_credentials: clientCredentials, register, resource });
