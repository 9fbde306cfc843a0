//! A SCRAM login carried over from one TLS channel to another, for a user whose password is known.
//!
//! A client inside TLS says that it could bind its login to the channel (the flag `y` of RFC 5802, section 6), and a
//! server that could bind it as well refuses such a login when it comes unbound. The flag is signed, so it cannot be
//! changed in passing, unless by someone who knows the password: then every word keeps its length, and only the flag
//! and the signatures that cover it change. A wrong proof of the client stays wrong.

use super::codec::HEADER;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;

/// AuthenticationSASLContinue and AuthenticationSASLFinal, among the messages tagged `R`.
const CONTINUE: [u8; 4] = 11_u32.to_be_bytes();
const FINAL: [u8; 4] = 12_u32.to_be_bytes();

/// `y,,` and `n,,` in base64: could be bound, and nothing to bind.
const COULD_BIND: &str = "c=eSws,";
const CANNOT_BIND: &str = "c=biws,";

/// More rounds than any server asks for; a larger number is not ours to work through.
const MAX_ROUNDS: u32 = 1 << 20;

/// One login.
#[derive(Debug, Default)]
pub struct Login {
    password: String,
    /// The client's first word without its flag, and the server's.
    client_first: String,
    server_first: String,
    /// What the client waits to see of the server.
    signature: Option<String>,
}

impl Login {
    pub fn new(password: &str) -> Login {
        Login { password: password.to_owned(), ..Login::default() }
    }

    /// Changes a whole message of the client on its way to the server.
    pub fn to_server(&mut self, message: &mut [u8]) {
        if self.client_first.is_empty() { self.first_word(message) } else { self.proof(message) }
    }

    /// Changes a whole message of the server on its way to the client; true when it was the login's last.
    pub fn to_client(&mut self, message: &mut [u8]) -> bool {
        let tag = message.first().copied();
        let body = message.get_mut(HEADER..).and_then(|body| body.split_at_mut_checked(4));
        let Some((code, text)) = body.filter(|_| tag == Some(b'R')) else { return tag == Some(b'E') };
        match &self.signature {
            _ if *code == CONTINUE => {
                self.server_first = String::from_utf8_lossy(text).into_owned();
                return false;
            }
            Some(signature) if *code == FINAL && text.len() == signature.len() => {
                text.copy_from_slice(signature.as_bytes());
            }
            Some(_) | None => {}
        }
        true
    }

    /// SASLInitialResponse: mechanism, length, and the word with its flag.
    fn first_word(&mut self, message: &mut [u8]) {
        let body = message.get(HEADER..).unwrap_or_default();
        let Some(name) = body.iter().position(|&byte| byte == 0) else { return };
        let Some(word) = message.get_mut(HEADER + name + 5..) else { return };
        let Some(bare) = word.strip_prefix(b"y,,") else { return };
        self.client_first = String::from_utf8_lossy(bare).into_owned();
        word[0] = b'n';
    }

    /// SASLResponse: `c=...,r=...,p=...`.
    fn proof(&mut self, message: &mut [u8]) {
        let Some(word) = message.get_mut(HEADER..) else { return };
        if let Some((ours, theirs)) = std::str::from_utf8(word).ok().and_then(|text| self.sign(text))
            && ours.len() == word.len()
        {
            word.copy_from_slice(ours.as_bytes());
            self.signature = Some(theirs);
        } else if word.starts_with(COULD_BIND.as_bytes()) {
            // What proves nothing is for the server to refuse, as a wrong password and not as a wrong flag.
            word[..CANNOT_BIND.len()].copy_from_slice(CANNOT_BIND.as_bytes());
        }
    }

    /// The client's last word for the server, and the server's for the client. `None` for a word that does not prove
    /// the password.
    fn sign(&self, word: &str) -> Option<(String, String)> {
        let (without_proof, proof) = word.rsplit_once(",p=")?;
        let rest = without_proof.strip_prefix(COULD_BIND)?;
        let salted = salted(&self.password, &self.server_first)?;
        let signed = |last: &str| format!("{},{},{last}", self.client_first, self.server_first);
        let (asked, passed_on) = (signed(without_proof), signed(&format!("{CANNOT_BIND}{rest}")));
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        let prove = |text: &str| {
            let signature = sign(stored_key.as_ref(), text.as_bytes());
            BASE64_STANDARD.encode(client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect::<Vec<u8>>())
        };
        if prove(&asked) != proof {
            return None;
        }
        let server_key = sign(&salted, b"Server Key");
        let signature = BASE64_STANDARD.encode(sign(&server_key, asked.as_bytes()));
        Some((format!("{CANNOT_BIND}{rest},p={}", prove(&passed_on)), format!("v={signature}")))
    }
}

/// The password as the server keeps it, by the salt and rounds of its first word.
fn salted(password: &str, server_first: &str) -> Option<Vec<u8>> {
    let field = |name: &str| server_first.split(',').find_map(|field| field.strip_prefix(name));
    let salt = BASE64_STANDARD.decode(field("s=")?).ok()?;
    let rounds: NonZeroU32 = field("i=")?.parse().ok()?;
    if rounds.get() > MAX_ROUNDS {
        return None;
    }
    let mut out = vec![0; digest::SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut out);
    Some(out)
}

fn sign(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::codec;
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        codec::write_message(tag, body, &mut out);
        out
    }

    fn answer(code: [u8; 4], text: &str) -> Vec<u8> {
        message(b'R', &[&code, text.as_bytes()].concat())
    }

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    /// A login as far as the client's proof, made with `password`, for the flag `y`.
    fn proven(login: &mut Login, password: &str) -> Vec<u8> {
        let first = "y,,n=user,r=rOprNGfwEbeRWgbNEkqO";
        let mut body = b"SCRAM-SHA-256\0".to_vec();
        body.extend((first.len() as u32).to_be_bytes());
        body.extend(first.as_bytes());
        let mut said = message(b'p', &body);
        login.to_server(&mut said);
        assert!(said.ends_with(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
        let mut asked = answer(CONTINUE, SERVER_FIRST);
        assert!(!login.to_client(&mut asked));
        assert_eq!(asked, answer(CONTINUE, SERVER_FIRST));
        let salted = salted(password, SERVER_FIRST).unwrap();
        let key = sign(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA256, &key);
        let last = format!("c=eSws,r={NONCE}");
        let text = format!("n=user,r=rOprNGfwEbeRWgbNEkqO,{SERVER_FIRST},{last}");
        let signature = sign(stored.as_ref(), text.as_bytes());
        let proof: Vec<u8> = key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        message(b'p', format!("{last},p={}", BASE64_STANDARD.encode(proof)).as_bytes())
    }

    /// RFC 7677, section 3, is this login with the flag `n`.
    #[test]
    fn the_server_sees_the_login_of_the_standard() {
        let mut login = Login::new("pencil");
        let mut said = proven(&mut login, "pencil");
        login.to_server(&mut said);
        let wanted = format!("c=biws,r={NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        assert_eq!(String::from_utf8_lossy(&said[HEADER..]), wanted);
        let mut last = answer(FINAL, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let untouched = last.clone();
        assert!(login.to_client(&mut last));
        assert_ne!(last, untouched, "the client signed another text");
        assert_eq!(last.len(), untouched.len());
    }

    #[test]
    fn a_wrong_password_stays_wrong() {
        let mut login = Login::new("pencil");
        let mut said = proven(&mut login, "crayon");
        let proof = |said: &[u8]| said[said.len() - 44..].to_vec();
        let made = proof(&said);
        login.to_server(&mut said);
        assert_eq!(proof(&said), made);
        assert!(said[HEADER..].starts_with(b"c=biws,r="));
        assert!(login.to_client(&mut message(b'E', b"SFATAL\0\0")));
    }
}
