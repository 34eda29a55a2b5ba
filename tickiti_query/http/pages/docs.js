// Starts Swagger UI. The token is kept in sessionStorage: it survives a reload, and ends with the tab. Swagger UI's
// own persistAuthorization is off, because localStorage would keep the token on the disk, for every tab, without end.
"use strict";

const SCHEME = "token";
const KEY = "tickiti-query.token";

function useStorage(work) {
  try {
    return work(window.sessionStorage);
  } catch {
    return null; // the browser keeps nothing for this page
  }
}

const keepToken = {
  statePlugins: {
    auth: {
      wrapActions: {
        authorize: (authorize) => (payload) => {
          const given = payload[SCHEME];
          if (given) useStorage((storage) => storage.setItem(KEY, given.value));
          return authorize(payload);
        },
        logout: (logout) => (names) => {
          useStorage((storage) => storage.removeItem(KEY));
          return logout(names);
        },
      },
    },
  },
};

// The page has a title and a reference of its own, and says in the field how a token is written.
const fitPage = {
  wrapComponents: {
    InfoContainer: () => () => null,
    Input: (Input, { React }) => (given) =>
      React.createElement(
        Input,
        given.id === "auth-bearer-value" ? { ...given, placeholder: "id|secret", spellCheck: false } : given,
      ),
  },
};

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  plugins: [keepToken, fitPage],
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null,
  onComplete: () => {
    const token = useStorage((storage) => storage.getItem(KEY));
    if (token) ui.preauthorizeApiKey(SCHEME, token);
  },
});
