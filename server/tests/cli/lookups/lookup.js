// Prints the IPv4 address of each name, or what the resolver says. First argument: `lookup` asks the C library, `resolve4`
// sends DNS queries itself.
const dns = require("dns").promises;
const [way, ...names] = process.argv.slice(2);
const words = { ENOTFOUND: "none", EAI_AGAIN: "later", ETIMEOUT: "later", ECONNREFUSED: "later" };
async function lookUp(name) {
    try {
        return way === "lookup" ? (await dns.lookup(name, { family: 4 })).address : (await dns.resolve4(name))[0];
    } catch (error) {
        return words[error.code] || error.code;
    }
}
(async () => {
    const found = [];
    for (const name of names) found.push(await lookUp(name));
    console.log(found.join(" "));
})();
