// A certified OpenID provider for the stories: npm's oidc-provider, with its own development pages to sign in and to consent.
// Says its address on stdout and runs until it is killed.
import { createServer } from 'node:http';

const { default: Provider } = await import(process.env.OIDC_PROVIDER);

const claims = (id) => ({
  sub: id,
  preferred_username: `${id}@example.com`,
  groups: id === 'grace' ? ['staff'] : [],
});

const listener = createServer();
listener.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${listener.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'rehome',
      client_secret: 'a secret of 32 characters, at least',
      redirect_uris: [process.env.REDIRECT_URI],
      response_types: ['code'],
      grant_types: ['authorization_code'],
    }],
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: ['only for stories'] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) => ({ accountId: id, claims: () => claims(id) }),
  });
  listener.on('request', provider.callback());
  console.log(issuer);
});
