// openid-client against any provider: its own discovery, checks and polling.
import * as openid from 'openid-client';
import { converse, person } from './conversation.mjs';

const REDIRECT = 'http://127.0.0.1:53682/callback/openidclient';

async function configure({ issuer, client_id, secret, algorithm = 'oidc' }) {
  const config = await openid.discovery(new URL(issuer), client_id, secret, secret ? undefined : openid.None(), {
    algorithm, execute: [openid.allowInsecureRequests],
  });
  openid.enableNonRepudiationChecks(config);
  return config;
}

async function use(config, url, tokens, options) {
  try {
    return (await openid.fetchProtectedResource(config, tokens.access_token, new URL(url), 'GET', undefined, undefined, options)).status;
  } catch (error) {
    if (error.status) return error.status;
    throw error;
  }
}

async function code(settings, config) {
  config ??= await configure(settings);
  const options = settings.dpop ? { DPoP: openid.getDPoPHandle(config, await openid.randomDPoPKeyPair()) } : undefined;
  const verifier = openid.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: openid.randomState(), expectedNonce: openid.randomNonce() };
  const parameters = {
    redirect_uri: REDIRECT,
    scope: settings.scope ?? 'openid profile offline_access',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  if (settings.prompt) parameters.prompt = settings.prompt;
  const address = settings.par
    ? await openid.buildAuthorizationUrlWithPAR(config, parameters, options)
    : openid.buildAuthorizationUrl(config, parameters);
  const tokens = await openid.authorizationCodeGrant(config, await person.open(address), checks, undefined, options);
  const { sub } = tokens.claims();
  const profile = await openid.fetchUserInfo(config, tokens.access_token, sub, options);
  const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, options);
  const used = await use(config, settings.api, refreshed, options);
  await openid.tokenRevocation(config, refreshed.refresh_token);
  const revoked = await use(config, settings.api, refreshed, options);
  return {
    sub, name: profile.name, token_type: tokens.token_type, rotated: refreshed.refresh_token !== tokens.refresh_token, used, revoked,
  };
}

async function device(settings) {
  const config = await configure(settings);
  const codes = await openid.initiateDeviceAuthorization(config, { scope: settings.scope ?? 'openid profile' });
  const [tokens] = await Promise.all([
    openid.pollDeviceAuthorizationGrant(config, codes),
    person.type(codes.user_code),
  ]);
  return { sub: tokens.claims().sub, used: await use(config, settings.api, tokens) };
}

async function clientCredentials(settings) {
  const config = await configure(settings);
  const tokens = await openid.clientCredentialsGrant(config, settings.scope ? { scope: settings.scope } : {});
  const { active } = await openid.tokenIntrospection(config, tokens.access_token);
  return { token_type: tokens.token_type, refresh_token: 'refresh_token' in tokens, active, used: await use(config, settings.api, tokens) };
}

async function register(settings) {
  const config = await openid.dynamicClientRegistration(new URL(settings.issuer), {
    redirect_uris: [REDIRECT],
    client_name: 'An independent client',
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }, openid.None(), { execute: [openid.allowInsecureRequests] });
  openid.enableNonRepudiationChecks(config);
  return code(settings, config);
}

/** The address that ends the session at the provider. */
async function logout(settings) {
  const config = await configure(settings);
  return String(openid.buildEndSessionUrl(config, { post_logout_redirect_uri: settings.post_logout_redirect_uri, state: settings.state }));
}

await converse({ code, device, client_credentials: clientCredentials, register, logout });
