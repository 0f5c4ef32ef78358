// The plain pages of the provider, with ids that tests hold on to, and what happens when their forms are sent.

const escape = (text) => String(text ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export function page(title, body) {
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<link rel="icon" href="data:,"></head><body><main>${body}</main></body></html>`;
}

export const pages = {
  login: (uid) => `<h1>Log in</h1><form id="login-form" method="post" action="/interaction/${uid}/login">
<input id="login" name="login" required autofocus autocomplete="off">
<input id="password" name="password" type="password" required autocomplete="off">
<button id="log-in" type="submit">Log in</button></form>`,
  consent: (uid, client, scopes) => `<h1>Allow ${escape(client)}?</h1><ul>${scopes.map((s) => `<li>${escape(s)}</li>`).join('')}</ul>
<form id="consent-form" method="post" action="/interaction/${uid}/consent">
<button id="allow" type="submit" name="decision" value="allow">Allow</button>
<button id="deny" type="submit" name="decision" value="deny">Deny</button></form>`,
  deviceInput: (form, error) => `<h1>Enter the code</h1>${error ? '<p id="device-error">That code is not right.</p>' : ''}
${form}<button id="continue" type="submit" form="op.deviceInputForm">Continue</button>`,
  deviceConfirm: (form, code) => `<h1>Is this your code?</h1><p id="code">${escape(code)}</p>
${form}<button id="confirm" type="submit" form="op.deviceConfirmForm">Yes</button>
<button id="abort" type="submit" form="op.deviceConfirmForm" name="abort" value="yes">No</button>`,
  logOut: (form) => `<h1>Log out?</h1>${form}<button id="log-out" type="submit" form="op.logoutForm" name="logout" value="yes">Yes</button>`,
  loggedOut: () => '<h1 id="logged-out">Logged out</h1>',
  deviceDone: () => '<h1 id="device-done">The device is signed in</h1>',
  error: (out) => `<h1 id="error">${escape(out.error)}</h1><p>${escape(out.error_description)}</p>`,
};

async function formOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString('utf-8'));
}

async function grantFor(provider, details) {
  const { prompt, params, session, grantId } = details;
  const grant = (grantId && await provider.Grant.find(grantId))
    || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
  grant.addOIDCClaims(prompt.details.missingOIDCClaims ?? []);
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return grant.save();
}

/** Shows what the interaction asks for, or takes the answer: any name with any password logs in. */
export async function handleInteraction(provider, request, response) {
  const details = await provider.interactionDetails(request, response);
  const { uid, prompt, params } = details;
  if (request.method === 'GET') {
    const client = await provider.Client.find(params.client_id);
    const body = prompt.name === 'login'
      ? pages.login(uid)
      : pages.consent(uid, client.clientName, prompt.details.missingOIDCScope ?? []);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('cache-control', 'no-store');
    response.end(page(prompt.name, body));
    return;
  }
  const form = await formOf(request);
  let result;
  if (prompt.name === 'login') {
    result = { login: { accountId: form.get('login') } };
  } else if (form.get('decision') === 'deny') {
    result = { error: 'access_denied', error_description: 'The person said no' };
  } else {
    result = { consent: { grantId: await grantFor(provider, details) } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}
