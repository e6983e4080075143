// The two servers behind the phone: the stand-in's admin API, and the service through its proxy.

export class Refused extends Error {
  constructor(status, body) {
    super(body?.detail && typeof body.detail === "string" ? body.detail : body?.title ?? `请求失败（${status}）`);
    this.status = status;
    this.code = body?.code;
  }
}

async function request(method, url, body, headers = {}) {
  const sent = { method, headers: { Accept: "application/json", ...headers } };
  if (body !== undefined) {
    sent.body = JSON.stringify(body);
    sent.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(url, sent);
  } catch {
    throw new Refused(0, { title: "网络不通，请稍后再试" });
  }
  if (answer.status === 204) return null;
  const result = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, result);
  return result;
}

export const sandbox = {
  get: (path) => request("GET", `/_sandbox${path}`),
  post: (path, body = {}) => request("POST", `/_sandbox${path}`, body),
};

export const health = () => request("GET", "/healthz");

// What wx.login and wx.request do for a mini-program. One token a resident, kept by the browser.
export function service(userId) {
  const key = `token:${userId}`;

  // Pages ask several things at once: they share one login.
  let coming = null;
  function login() {
    coming ??= exchange().finally(() => { coming = null; });
    return coming;
  }

  async function exchange() {
    const { code } = await sandbox.post(`/users/${userId}/mini-code`);
    const answer = await call("POST", "/login/mini", { code }, {});
    localStorage.setItem(key, answer.token);
    return answer;
  }

  function call(method, path, body, headers) {
    return request(method, `/_sandbox/mini/api/v1${path}`, body, { "X-Sandbox-User": userId, ...headers });
  }

  async function signed(method, path, body) {
    const idempotency = method === "GET" ? {} : { "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) };
    const bearer = () => ({ Authorization: `Bearer ${localStorage.getItem(key)}`, ...idempotency });
    if (!localStorage.getItem(key)) await login();
    try {
      return await call(method, path, body, bearer());
    } catch (error) {
      if (error.status !== 401) throw error;
      await login();
      return call(method, path, body, bearer());
    }
  }

  return {
    forget: () => localStorage.removeItem(key),
    get: (path) => signed("GET", path),
    post: (path, body) => signed("POST", path, body),
    patch: (path, body) => signed("PATCH", path, body),
    delete: (path) => signed("DELETE", path),
  };
}

// A file of the service, by the only road the page's policy allows; null for somebody else's.
export function siteUrl(address) {
  if (!address) return null;
  const base = document.body.dataset.service;
  const url = new URL(address, base);
  return url.host === new URL(base).host ? `/_sandbox/mini/site${url.pathname}${url.search}` : null;
}

export function safeLink(address) {
  try {
    const url = new URL(address, location.href);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
