//! Numbers computed with Debian's libsodium, and properties.

use super::*;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; KEY])
}

fn shared() -> BoxKey {
    BoxKey::shared(&secret(2).public_key(), &secret(1)).unwrap()
}

fn numbered<const N: usize>() -> [u8; N] {
    std::array::from_fn(|index| index as u8)
}

#[test]
fn known_keys() {
    let (one, two) = (secret(1).public_key(), secret(2).public_key());
    assert_eq!(one[..], hex("a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209"));
    assert_eq!(two[..], hex("ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59"));
    let shared = shared();
    assert_eq!(shared.0[..], hex("18a99320f3488fa18a04239715d8ee738065e65c3d4b2898522d6c3d4ead588c"));
    assert_eq!(*shared.0, *BoxKey::shared(&one, &secret(2)).unwrap().0);
}

#[test]
fn a_known_box() {
    let mut body = numbered::<131>();
    let tag = shared().seal(&numbered(), &mut body);
    assert_eq!(tag[..], hex("4aecfed4fe0c387640c1ade44440e500"));
    let expected = "e2ce81c09e34e031b15f72ccc09109f7cbc26ef5b7a2dd65195941393c0df2a3e64ce7ab7cb130f693aff763f885\
                    a1d7f598c371e2b65d7c4e4f953243b8b5f963ceda4d46cdecb338d62ec8a1212a3cbe30ab31f68736a5340ac82e\
                    96459ab8bfcafdace49e9766ef5808aac6515b1925a2b1e045f258d79e808ad52b7dfac0238757";
    assert_eq!(body[..], hex(expected));
    assert!(shared().open(&numbered(), &tag, &mut body));
    assert_eq!(body, numbered());
}

#[test]
fn both_kinds_of_key_make_the_same_boxes() {
    let key = shared();
    let prefix = numbered::<16>();
    let counter_key = CounterKey::new(&key, &prefix);
    for size in (0..1200).chain([4095, 4096, 4097, 65_536, 65_537, 100_003]) {
        let counter = (size as u64 + 1).to_be_bytes();
        let nonce: [u8; NONCE] = [&prefix[..], &counter[..]].concat().try_into().unwrap();
        let plain: Vec<u8> = (0..size).map(|index| index as u8).collect();
        let mut expected = plain.clone();
        let tag = key.seal(&nonce, &mut expected);

        let mut bytes = [&[7; 40][..], &plain[..]].concat();
        assert_eq!(counter_key.seal(&counter, &mut bytes, 40), tag, "{size}");
        assert_eq!(bytes[..8], [7; 8]);
        assert_eq!(bytes[40..], expected, "{size}");
        assert!(counter_key.open(&counter, &tag, &mut bytes, 40));
        assert_eq!(bytes[40..], plain, "{size}");
    }
}

#[test]
fn what_was_touched_does_not_open() {
    let key = shared();
    let (nonce, prefix, counter) = ([3; NONCE], [3; 16], [3; 8]);
    let counter_key = CounterKey::new(&key, &prefix);
    for size in [0, 1, 64, 300, 511, 512, 513, 2000] {
        let mut sealed = vec![9; size];
        let tag = key.seal(&nonce, &mut sealed);
        let check = |nonce: &[u8; NONCE], tag: &[u8; TAG], sealed: &[u8]| {
            let mut body = sealed.to_vec();
            let opened = key.open(nonce, tag, &mut body);
            assert!(opened || body == sealed, "changed though it did not open");
            if nonce == &[3; NONCE] {
                let mut body = sealed.to_vec();
                assert_eq!(counter_key.open(&counter, tag, &mut body, 0), opened);
                assert!(opened || body == sealed, "changed though it did not open");
            }
            opened
        };
        assert!(check(&nonce, &tag, &sealed));
        for bit in 0..TAG * 8 {
            let mut tag = tag;
            tag[bit / 8] ^= 1 << (bit % 8);
            assert!(!check(&nonce, &tag, &sealed));
        }
        for bit in (0..size * 8).step_by(7) {
            let mut sealed = sealed.clone();
            sealed[bit / 8] ^= 1 << (bit % 8);
            assert!(!check(&nonce, &tag, &sealed));
        }
        for at in 0..NONCE {
            let mut nonce = nonce;
            nonce[at] ^= 1;
            assert!(!check(&nonce, &tag, &sealed));
        }
        assert!(!check(&nonce, &tag, &[&sealed[..], &[0]].concat()));
    }
}

#[test]
fn keys_that_share_nothing_secret() {
    assert!(BoxKey::shared(&[0; KEY], &secret(1)).is_none());
    let mut one = [0; KEY];
    one[0] = 1;
    assert!(BoxKey::shared(&one, &secret(1)).is_none());
}

#[test]
fn random_and_equal() {
    assert_ne!(random::<32>().unwrap(), random::<32>().unwrap());
    assert_ne!(SecretKey::generate().unwrap().as_bytes(), SecretKey::generate().unwrap().as_bytes());
    assert!(equal(b"", b"") && equal(b"ab", b"ab"));
    assert!(!equal(b"ab", b"aB") && !equal(b"ab", b"a") && !equal(b"a", b"ab"));
}

#[test]
fn debug_shows_no_key() {
    let key = shared();
    for text in
        [format!("{:?}", secret(7)), format!("{key:?}"), format!("{:?}", CounterKey::new(&key, &[0; 16]))]
    {
        assert!(text.ends_with("(..)"), "{text}");
    }
}
