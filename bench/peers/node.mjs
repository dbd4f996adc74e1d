// A wait on node:http: setTimeout, cleared when the client leaves.
import http from 'node:http';

const wait = (request, response) => {
  const start = process.hrtime.bigint();
  const text = new URLSearchParams(request.url.slice(request.url.indexOf('?') + 1)).get('delay');
  const seconds = Number(text);
  const answer = () => {
    const elapsed = Number(process.hrtime.bigint() - start) / 1e9;
    const body = `{"delay":${text},"elapsed":${elapsed}}\n`;
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    });
    response.end(body);
  };
  if (seconds === 0) {
    answer();
    return;
  }
  const timer = setTimeout(answer, seconds * 1000);
  response.on('close', () => clearTimeout(timer));
};

const server = http.createServer(wait);
server.keepAliveTimeout = 120_000;
server.requestTimeout = 0;
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
