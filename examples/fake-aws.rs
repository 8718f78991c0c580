//! A fake of AWS's endpoints, for trying live accounts without one: `cargo run --example fake-aws -- [SNAPSHOT]`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

#[path = "../tests/fake_aws/mod.rs"]
mod fake_aws;

fn main() {
    let file = std::env::args().nth(1).unwrap_or_else(|| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/accounts/demo/snapshot.jsonl").to_owned()
    });
    let mut content = fake_aws::Content::of(&std::fs::read_to_string(&file).unwrap());
    // What stands beside the snapshot is the lookup history, and the trail's bucket.
    let trail = std::path::Path::new(&file).with_file_name("trail");
    if trail.exists() {
        content.history = fake_aws::History::below(&trail);
        content.buckets.insert("example-trail".to_owned(), fake_aws::Bucket::of(&trail, "eu-west-1", 1000));
    }
    let accounts = content.accounts();
    let endpoint = fake_aws::start(content, Some(1.0), 4571);
    println!("Listening on {}. In another terminal:", endpoint.url());
    println!(
        "  export AWS_ENDPOINT_URL={} AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY=none AWS_REGION=eu-west-1",
        endpoint.url(),
        accounts.first().unwrap()
    );
    println!("  lambda-audit scan --all-regions");
    println!("  lambda-audit replay s3://example-trail/AWSLogs");
    loop {
        std::thread::park();
    }
}
