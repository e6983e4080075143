// npm's `wechat` on Express, as its documentation mounts it: decrypts, answers, encrypts, keeps
// nothing. Run where the two are installed: node wechat_peer.js port appid token aes_key answer
const { createRequire } = require('node:module');
const load = createRequire(process.cwd() + '/');
const [port, appid, token, encodingAESKey, answer] = process.argv.slice(2);
const app = load('express')();
app.use(`/wechat/${appid}`, load('wechat')({ token, appid, encodingAESKey }, (request, response) => {
  response.reply(answer);
}));
app.listen(Number(port), '127.0.0.1');
