//! What a store answers to a list, as far as it matters here.
//!
//! The answer is XML of one known shape, and all names in it are ours: letters, digits, `-`, `_`, `.` and `/`. So it is searched for its
//! elements and not parsed; a name with anything else in it is none of ours.

/// An object of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// A page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    /// What asks for the next page. `None`: this is the last one.
    pub(super) next: Option<String>,
}

/// Reads an answer to `ListObjectsV2`. `None`: it is none.
pub(super) fn read(xml: &str) -> Option<Page> {
    let body = element(xml, "ListBucketResult")?.0;
    let mut page = Page { objects: Vec::new(), next: None };
    let mut rest = body;
    while let Some((contents, behind)) = element(rest, "Contents") {
        let name = element(contents, "Key")?.0;
        let bytes = element(contents, "Size")?.0.trim().parse().ok()?;
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte)) {
            page.objects.push(Object { name: name.to_owned(), bytes });
        }
        rest = behind;
    }
    if element(body, "IsTruncated").is_some_and(|(text, _)| text.trim() == "true") {
        page.next = Some(unescape(element(body, "NextContinuationToken")?.0));
    }
    Some(page)
}

/// What stands in the first element of that name, and what stands behind it.
fn element<'a>(xml: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let mut from = 0;
    let begin = loop {
        let at = from + xml[from..].find('<')? + 1;
        let tag = &xml[at..];
        if let Some(after) = tag.strip_prefix(name)
            && after.starts_with(['>', ' ', '\t', '\r', '\n'])
        {
            break at + tag.find('>')? + 1;
        }
        from = at;
    };
    let end = begin + xml[begin..].find(&format!("</{name}>"))?;
    Some((&xml[begin..end], &xml[end..]))
}

/// The five entities that XML has by itself.
fn unescape(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_our_names_their_sizes_and_what_comes_next() {
        let xml = r#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Name>b</Name><KeyCount>2</KeyCount><IsTruncated>true</IsTruncated>
            <Contents><Key>a/b.1</Key><Size>12</Size><Owner><ID>x</ID></Owner></Contents>
            <Contents><Key>not &amp; ours</Key><Size>3</Size></Contents>
            <Contents><Key>a/c.2/00</Key><LastModified>x</LastModified><Size>0</Size></Contents>
            <NextContinuationToken>a&amp;b=</NextContinuationToken></ListBucketResult>"#;
        let page = read(xml).unwrap();
        let object = |name: &str, bytes| Object { name: name.to_owned(), bytes };
        assert_eq!(page.objects, [object("a/b.1", 12), object("a/c.2/00", 0)]);
        assert_eq!(page.next.as_deref(), Some("a&b="));
        let empty = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
        assert_eq!(read(empty), Some(Page { objects: Vec::new(), next: None }));
    }

    #[test]
    fn an_answer_of_another_shape_is_none() {
        for xml in [
            "",
            "<",
            "<html>sign in</html>",
            "<ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        ] {
            assert_eq!(read(xml), None, "{xml}");
        }
    }
}
