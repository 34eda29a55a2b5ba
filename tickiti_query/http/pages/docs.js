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

// Swagger UI resolves an operation after it has drawn it, and may not do so when it is opened while the page loads: then
// it would execute an operation without a name, and find none. The document names it from the beginning.
const nameOperation = {
  statePlugins: {
    spec: {
      wrapActions: {
        executeRequest: (execute, { specSelectors }) => (request) => {
          const { operation, pathName, method } = request;
          const written = specSelectors.specJson().getIn(["paths", pathName, method]);
          return execute(operation.get("operationId") ? request : { ...request, operation: written });
        },
      },
    },
  },
};

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  plugins: [keepToken, fitPage, nameOperation],
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
