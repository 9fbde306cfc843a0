const fs = require("fs");
const net = require("net");

function writeFile(name) {
  let fd;
  try {
    fd = fs.openSync("/tmp/victim-" + name, "w");
    fs.writeSync(fd, "x");
    fs.fsyncSync(fd);
    return 0;
  } catch (error) {
    return -error.errno;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function dial() {
  return new Promise((resolve) => {
    const peer = net.connect(5432, "127.0.0.1", () => peer.destroy() && resolve(0));
    peer.on("error", (error) => resolve(-error.errno));
  });
}

const server = net.createServer((peer) => {
  peer.on("error", () => {});
  peer.once("data", async () => {
    const [a, b, c] = ["a", "b", "c"].map(writeFile);
    peer.end(`a=${a} b=${b} open=${c} connect=${await dial()}\n`);
  });
});
server.listen(7000, "127.0.0.1");
