//! Documents that were written for other readers than ours.
//!
//! `ci/fetch-openapi-documents.sh FOLDER` brings those of large vendors; with OPENAPI_DOCUMENTS=FOLDER they are read
//! here.

use std::{collections::BTreeSet, fs};

use coalmine::surface::{coverage, difference};

use super::*;

const GALAXY: &str = include_str!("../fixtures/openapi/galaxy-3.1.yaml");
const PETSTORE: &str = include_str!("../fixtures/openapi/petstore-3.0.json");

#[test]
fn answers_to_the_petstore_are_checked() {
    let surface = Surface::parse(PETSTORE).unwrap();
    surface.compile().unwrap();
    assert_eq!(surface.operations().iter().count(), 20);
    let check = |method, path, status, body: &str| {
        surface.check(method, path, status, &headers(&[]), body.as_bytes()).err().map(|it| it.to_string())
    };
    let pet = r#"{"id": 9223372036854775807, "name": "Rex", "photoUrls": []}"#;
    assert_eq!(check("GET", "/v2/pet/1", 200, pet), None);
    assert_eq!(check("GET", "/pet/1", 404, ""), None);
    assert_eq!(
        check("GET", "/pet/1", 200, r#"{"name": "Rex"}"#).unwrap(),
        "`getPetById` answered 200: the body: expected a member `photoUrls`, got none \
         (document: #/components/schemas/Pet/required)"
    );
    assert_eq!(
        check("GET", "/pet/findByStatus?status=sold", 200, &format!("[{pet}, 7]")).unwrap(),
        "`findPetsByStatus` answered 200: `/1`: expected an object, got 7 (document: #/components/schemas/Pet/type)"
    );
}

#[test]
fn answers_to_the_galaxy_are_checked() {
    let surface = Surface::parse(GALAXY).unwrap();
    surface.compile().unwrap();
    assert_eq!(surface.operations().iter().count(), 10);
    let check = |method, path, status, body: &str| {
        surface.check(method, path, status, &headers(&[]), body.as_bytes()).err().map(|it| it.to_string())
    };
    assert_eq!(check("DELETE", "/planets/1", 204, ""), None);
    let said = check("GET", "/planets/1", 500, "{}").unwrap();
    assert!(said.starts_with("`getPlanet` answered 500: expected status 200 or 404, got 500"), "{said}");
    let said = check("GET", "/planets/1", 200, r#"{"id": 1, "name": 7}"#).unwrap();
    assert!(said.starts_with("`getPlanet` answered 200: `/name`: expected a string, got 7"), "{said}");
    // Its pages are written with dynamic references, whose items are not checked.
    assert_eq!(check("GET", "/planets", 200, r#"{"data": [], "meta": {}}"#), None);
}

#[test]
fn large_documents_of_vendors_are_read() {
    #[expect(clippy::disallowed_methods, reason = "where the documents are is no setting of the library")]
    let Some(folder) = std::env::var_os("OPENAPI_DOCUMENTS") else {
        println!("skipped: OPENAPI_DOCUMENTS names no folder; see ci/fetch-openapi-documents.sh");
        return;
    };
    let (mut found, mut large, mut versions) = (0, 0, BTreeSet::new());
    for (file, operations) in [
        ("github.json", 1_223),
        ("shipengine.json", 76),
        ("shipengine.yaml", 76),
        ("directus.json", 136),
        ("train-travel.json", 7),
        ("readme.yaml", 54),
        ("openai.yaml", 271),
        ("anthropic.yaml", 106),
        ("cohere.yaml", 41),
        ("azure-openai.json", 6),
    ] {
        let Ok(text) = fs::read_to_string(std::path::Path::new(&folder).join(file)) else {
            println!("skipped: {file} is not there");
            continue;
        };
        found += 1;
        large += usize::from(text.len() > 1 << 20);
        // A document may stand on one line, with its version anywhere.
        let of = |version: &&str| {
            ["openapi: ", "openapi: \"", "openapi: '", "\"openapi\":\"", "\"openapi\": \""]
                .iter()
                .any(|it| text.contains(&format!("{it}{version}")))
        };
        versions.extend(["3.0.", "3.1."].into_iter().find(of));
        let surface = Surface::parse(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        surface.compile().unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(surface.operations().iter().count(), operations, "{file}");
        let fields: usize =
            surface.documented().iter().flat_map(|it| &it.answers).map(|answer| answer.fields.len()).sum();
        println!("{file}: {operations} operations, {} schemas, {fields} fields", surface.compiled());
        assert!(fields > operations, "{file}");
        requests_are_matched(file, &surface);
        assert_eq!(difference(&surface, &surface), [], "{file}");
        assert_eq!(coverage(&surface, []).operations.of, operations, "{file}");
    }
    println!("{found} documents were read");
    assert!(
        found >= 3 && large >= 1,
        "expected three documents, one above 1 MB; found {found}, {large} large"
    );
    assert_eq!(versions.len(), 2, "expected documents of 3.0 and 3.1");
}

/// A request for each operation, made from its path, finds that operation.
fn requests_are_matched(file: &str, surface: &Surface) {
    for operation in surface.operations().iter() {
        let mut path = String::new();
        let mut rest = operation.path.as_str();
        while let Some((before, (_, after))) =
            rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            path += before;
            path += "zz9";
            rest = after;
        }
        path += rest;
        let found = surface.operation(&operation.method, &path).map(|it| it.name.as_str());
        assert_eq!(found, Some(operation.name.as_str()), "{file}: {} {path}", operation.method);
    }
}
