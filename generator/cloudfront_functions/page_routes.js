// Answers every page of the single-page application with index.html: the browser's own code knows which page it is.
//
// Runs in CloudFront for each request to the website, before the cache is asked. A line before this one says which
// paths belong to the application (APPLICATION_PATHS); where CloudFront does not forward them, nothing is there.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html

function belongsToApplication(path) {
    return APPLICATION_PATHS.some((pattern) =>
        pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern
    );
}

function isFile(path) {
    return path.slice(path.lastIndexOf('/') + 1).includes('.');
}

function handler(event) {
    const request = event.request;
    if (!isFile(request.uri) && !belongsToApplication(request.uri)) {
        request.uri = '/index.html';
    }
    return request;
}
